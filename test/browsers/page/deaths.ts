/** How a worker can come to its end of its own accord. Its page tells it so on a channel that has the worker's name. */
export type Death = 'closes' | 'throws' | 'hangs'
