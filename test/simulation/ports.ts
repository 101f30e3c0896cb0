import type { PageChange } from '../../src/core/ports.ts'
import type { ClientPorts } from './tweaks.ts'
import type { ActorContext } from './world.ts'

/** Every owner and every session begins so, and nothing else does. */
export const SECRET_MARK = '0wner'

/** What the server says when it has no lock for its client, or none any more. */
const REFUSAL = /session-unknown|owner-spent|"response":false|"ended":\[\{|"holds":|"type":"(lost|gone)"/

/**
 * What a client on a machine of its own is given from outside.
 *
 * @param onPageChange told who listens to the page, and `null` when nobody does any more.
 * @param onRefusal told when something arrives by which a lock may be lost.
 */
export function portsOf(
  { machine, network, random, plan, verdict, tweaks }: ActorContext,
  onPageChange: (listener: ((change: PageChange) => void) | null) => void = () => {},
  onRefusal: () => void = () => {},
): ClientPorts {
  let owners = 0
  const send = network.sendFrom(machine)
  const openStream = network.openStreamFrom(machine)
  const listen = (text: string | null) => {
    if (text !== null && REFUSAL.test(text)) onRefusal()
  }
  const ports: ClientPorts = {
    now: () => machine.now(),
    wall: () => machine.wall(),
    setTimer: (fire, ms) => machine.setTimer(fire, ms),
    random: () => random.next(),
    newSecret: () => {
      owners += 1
      return `${SECRET_MARK}-${plan.label}-${owners}`
    },
    send: async (request, options) => {
      const reply = await send(request, options)
      listen(reply.body)
      return reply
    },
    openStream: (request, { signal, heard }) =>
      openStream(request, {
        signal,
        heard: (data) => {
          listen(data)
          heard(data)
        },
      }),
    environmentToken: () => null,
    whileParking: (poll) => poll(random.chance(plan.parkingChance)),
    onPageChange: (listener) => {
      onPageChange(listener)
      return () => onPageChange(null)
    },
    reportException: (error) => verdict.broken('exception', `${plan.label} reports ${error}`),
  }
  return tweaks.ports?.(ports, machine) ?? ports
}
