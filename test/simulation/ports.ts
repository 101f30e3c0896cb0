import type { PageChange } from '../../src/core/ports.ts'
import type { ClientPorts } from './tweaks.ts'
import type { ActorContext } from './world.ts'

/** Every owner and every session begins so, and nothing else does. */
export const SECRET_MARK = '0wner'

/**
 * What a client on a machine of its own is given from outside.
 *
 * @param onPageChange told who listens to the page, and `null` when nobody does any more.
 */
export function portsOf(
  { machine, network, random, plan, verdict, tweaks }: ActorContext,
  onPageChange: (listener: ((change: PageChange) => void) | null) => void = () => {},
): ClientPorts {
  let owners = 0
  const ports: ClientPorts = {
    now: () => machine.now(),
    wall: () => machine.wall(),
    setTimer: (fire, ms) => machine.setTimer(fire, ms),
    random: () => random.next(),
    newOwner: () => {
      owners += 1
      return `${SECRET_MARK}-${plan.label}-${owners}`
    },
    send: network.sendFrom(machine),
    openStream: network.openStreamFrom(machine),
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
