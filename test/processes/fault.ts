/** What a {@link FaultProxy} does to one request and its connection. */
export type Fault =
  /** The client gets a RST, and the server nothing. */
  | { readonly kind: 'reset' }
  /** The way to the server is gone and the client is not told: its connection stays open and is mute from now on. */
  | { readonly kind: 'half-open' }
  /** The request gets through, and of its reply only the first half, before the end of the connection. */
  | { readonly kind: 'cut-reply' }
  /** The request gets through, and its reply and all that follows do not. The connection stays open. */
  | { readonly kind: 'swallow-reply' }
  /** The request gets through, and the server is told that nothing more comes; it can still reply. */
  | { readonly kind: 'half-close' }
  /** The request gets through, and its connection is reset then. */
  | { readonly kind: 'cut'; readonly from: Promise<unknown> }
  /** The request gets through, and from then on its connection is open and mute; the server is not told either. */
  | { readonly kind: 'mute'; readonly from: Promise<unknown> }
  /** The request gets through, and its reply waits. */
  | { readonly kind: 'hold-reply'; readonly until: Promise<unknown> }
  /** The request waits, and gets through even if its client has gone meanwhile, as if it were late in some network. */
  | { readonly kind: 'hold-request'; readonly until: Promise<unknown> }
