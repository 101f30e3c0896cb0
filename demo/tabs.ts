import { createStore } from 'zustand/vanilla'
import { TAB } from './holder.ts'

/** What a tab says of itself to the other tabs of this browser. */
export interface TabReport {
  readonly tab: string
  readonly person: string
  /** `runs` the job, waits in the queue at `place` (1 is next), or stands `aside`. */
  readonly state: 'runs' | 'waits' | 'aside'
  readonly place: number | null
}

type Message =
  | { readonly type: 'report'; readonly report: TabReport }
  | { readonly type: 'ask' | 'bye'; readonly tab: string }

const CHANNEL = 'lockable-demo:tabs'
/** ms between two questions who is there, and after how many unanswered ones a tab is gone (it crashed). */
const ASK_EVERY_MS = 2000
const UNANSWERED = 3

/** The tabs that show this page, oldest known first. Only a picture for people: what counts is what the server says. */
export const openTabs = createStore<{ readonly tabs: readonly TabReport[] }>(() => ({ tabs: [] }))

const silence = new Map<string, number>()
let channel: BroadcastChannel | null = null
let own: TabReport | null = null

/** Tells the other tabs what this one does. */
export function reportTab(report: TabReport): void {
  own = report
  note(report)
  tell({ type: 'report', report })
}

function tell(message: Message): void {
  if (typeof BroadcastChannel === 'undefined') return
  channel ??= open()
  channel.postMessage(message)
}

function open(): BroadcastChannel {
  const opened = new BroadcastChannel(CHANNEL)
  opened.onmessage = ({ data }: MessageEvent<Message>) => hear(data)
  opened.postMessage({ type: 'ask', tab: TAB } satisfies Message)
  setInterval(ask, ASK_EVERY_MS)
  addEventListener('pagehide', () => opened.postMessage({ type: 'bye', tab: TAB } satisfies Message))
  return opened
}

function ask(): void {
  for (const { tab } of openTabs.getState().tabs) {
    if (tab === TAB) continue
    silence.set(tab, (silence.get(tab) ?? 0) + 1)
    if ((silence.get(tab) ?? 0) > UNANSWERED) forget(tab)
  }
  tell({ type: 'ask', tab: TAB })
}

function hear(message: Message): void {
  if (message.type === 'report') return note(message.report)
  if (message.type === 'bye') return forget(message.tab)
  if (own) tell({ type: 'report', report: own })
}

function note(report: TabReport): void {
  silence.set(report.tab, 0)
  openTabs.setState(({ tabs }) => {
    const index = tabs.findIndex(({ tab }) => tab === report.tab)
    if (index < 0) return { tabs: [...tabs, report] }
    return isSame(tabs[index], report) ? { tabs } : { tabs: tabs.with(index, report) }
  })
}

function isSame(a: TabReport | undefined, b: TabReport): boolean {
  return a?.person === b.person && a.state === b.state && a.place === b.place
}

function forget(gone: string): void {
  silence.delete(gone)
  openTabs.setState(({ tabs }) => ({ tabs: tabs.filter(({ tab }) => tab !== gone) }))
}
