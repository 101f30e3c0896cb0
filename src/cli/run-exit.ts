/** The exit codes of `lockable run` besides those of its command: those of a shell, and of sysexits.h as with `flock`. */
export const EXIT = {
  conflict: 1,
  usage: 64,
  unavailable: 69,
  system: 71,
  lost: 75,
  denied: 77,
  notExecutable: 126,
  notFound: 127,
} as const
