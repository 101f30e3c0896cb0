/**
 * An abort controller whose signal calls `look` whenever it is asked whether it has aborted: a program that kept the
 * signal through a freeze must not be told "no" before the first timer has run.
 */
export function controllerThatLooks(look: () => void): AbortController {
  const controller = new AbortController()
  const { signal } = controller
  const { get: aborted } = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted') ?? {}
  Object.defineProperties(signal, {
    aborted: {
      get: () => {
        look()
        return aborted?.call(signal)
      },
    },
    throwIfAborted: {
      value: () => {
        if (signal.aborted) throw signal.reason
      },
    },
  })
  return controller
}
