/** Thrown when the reply to a POST shows that the server is a classic one. */
export class ClassicServerFound {}

/** Thrown when the server speaks the owned dialect, but knows no sessions. */
export class NoSessionsFound {}
