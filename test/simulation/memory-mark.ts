import type { Mark, MarkState } from '../../src/server/stores/memory/mark.ts'

/** A mark that survives the process which writes it, as a file does. */
export class MemoryMark implements Mark {
  #state: MarkState | null = null

  read(): MarkState | null {
    return this.#state
  }

  write(state: MarkState): void {
    this.#state = state
  }

  close(): void {}
}
