/** Reads the data of server-sent events (WHATWG HTML, 9.2.6) out of text that comes in pieces. */
export class ServerSentEvents {
  readonly #heard: (data: string | null) => void
  #rest = ''
  #data: string[] = []

  /** @param heard is called with the data of each event, and with `null` for a comment. */
  constructor(heard: (data: string | null) => void) {
    this.#heard = heard
  }

  push(text: string): void {
    this.#rest += text
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#rest)
      if (end === null) return
      const line = this.#rest.slice(0, end.index)
      this.#rest = this.#rest.slice(end.index + end[0].length)
      this.#line(line)
    }
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#heard(this.#data.join('\n'))
      this.#data = []
    } else if (line.startsWith(':')) {
      this.#heard(null)
    } else if (line.startsWith('data:')) {
      this.#data.push(line.slice(line[5] === ' ' ? 6 : 5))
    }
  }
}
