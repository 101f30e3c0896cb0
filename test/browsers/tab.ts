import type { Page, User } from './drivers/browser.ts'
import type { Bench, BenchOptions, Look } from './page/bench.ts'
import type { Entry } from './page/log.ts'
import { within } from './within.ts'

/** Nothing that a page is waited for takes longer, in ms. */
const LONGEST_MS = 20_000

/** A page that holds locks, in whichever browser. */
export class Tab<P extends Page = Page> {
  readonly page: P

  private constructor(page: P) {
    this.page = page
  }

  /** Opens the page at `url`, with a client. */
  static async open<P extends Page>(user: User<P>, url: string, options: BenchOptions): Promise<Tab<P>> {
    const tab = new Tab(await user.newPage())
    await tab.page.goto(url)
    await tab.run((bench, given: BenchOptions) => bench.start(given), options)
    return tab
  }

  /** Runs a function in the page, which sees nothing but the bench there and `argument`. */
  async run<Argument, Result>(
    script: (bench: Bench, argument: Argument) => Result | Promise<Result>,
    ...[argument]: Argument extends undefined ? [] : [Argument]
  ): Promise<Result> {
    return (await this.page.evaluate(
      `(${script.toString()})(window.bench, ${JSON.stringify(argument) ?? 'undefined'})`,
    )) as Result
  }

  look(name: string): Promise<Look> {
    return this.run((bench, asked: string) => bench.look(asked), name)
  }

  /** Acquires a lock; resolves to its fencing token. */
  hold(name: string, options: Parameters<Bench['hold']>[1] = {}): Promise<number | null> {
    return this.run((bench, given: Parameters<Bench['hold']>) => bench.hold(...given), [name, options])
  }

  /** The first such entry of the page's log. */
  until(what: string, name: string | null = null, from = 0): Promise<Entry> {
    const entry = this.run((bench, asked: [string, string | null, number]) => bench.until(...asked), [what, name, from])
    return within(LONGEST_MS, `"${what}"`, entry)
  }

  /** All entries of the page's log, or those that say `what`. */
  entries(what?: string): Promise<readonly Entry[]> {
    return this.run((bench, asked: string | null) => bench.entries(asked ?? undefined), what ?? null)
  }

  /** Goes back to the page from another one. */
  async back(): Promise<void> {
    // What is asked meanwhile may be cut off.
    await this.page.evaluate('void setTimeout(() => history.back())').catch(() => {})
    while (!(await this.page.evaluate("'bench' in window").catch(() => false))) await turn()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}
