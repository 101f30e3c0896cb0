/** How many there are in a namespace, in all and of each subject. */
export class Tally {
  readonly #counts = new Map<string | null, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  of(subject: string | null): number {
    return this.#counts.get(subject) ?? 0
  }

  add(subject: string | null): void {
    this.#total += 1
    this.#counts.set(subject, this.of(subject) + 1)
  }

  remove(subject: string | null): void {
    this.#total -= 1
    const left = this.of(subject) - 1
    if (left === 0) this.#counts.delete(subject)
    else this.#counts.set(subject, left)
  }
}
