import type {
  CommandOutcome,
  Executed,
  ExecuteOutcome,
  ExecuteStep,
  ReleaseOutcome,
  SessionOutcome,
  Standing,
  StoreCommand,
} from '../../src/server/store.ts'
import { ANYBODY, LEASE, StoreBench } from './store-bench.ts'

type AcquireCommand = Extract<StoreCommand, { op: 'acquire' }>

/** An acquire of the lock `k` unless told otherwise. */
export function take(owner: string, asked: Partial<AcquireCommand> = {}): AcquireCommand {
  return { op: 'acquire', name: 'k', owner, mode: 'exclusive', ifAvailable: false, steal: null, info: null, ...asked }
}

export function leave(owner: string, name: string = 'k'): StoreCommand {
  return { op: 'release', name, owner }
}

/** A store under a virtual clock with sessions that are opened by their first commands. */
export class SessionBench extends StoreBench {
  #seq = 0

  /** Carries out commands under the next `seq`. */
  execute(
    session: string,
    commands: readonly StoreCommand[],
    step: Partial<ExecuteStep> = {},
  ): Promise<ExecuteOutcome> {
    this.#seq += 1
    const open = { leaseMs: LEASE, info: null }
    const given = { namespace: '', session, principal: ANYBODY, open, seq: this.#seq, confirm: [], commands }
    return this.store.execute({ ...given, ...step })
  }

  /** As {@link execute}, for commands that are carried out. */
  async run(session: string, commands: readonly StoreCommand[], step: Partial<ExecuteStep> = {}): Promise<Executed> {
    const outcome = await this.execute(session, commands, step)
    if (outcome.kind !== 'executed') throw new Error(outcome.kind)
    return outcome
  }

  /** The outcome of one command. */
  async do(session: string, command: StoreCommand, step: Partial<ExecuteStep> = {}): Promise<CommandOutcome> {
    const [outcome] = (await this.run(session, [command], step)).outcomes
    if (outcome === undefined) throw new Error('no outcome')
    return outcome
  }

  beat(session: string, confirm: readonly string[] = []): Promise<SessionOutcome> {
    return this.store.renewSession({ session, confirm })
  }

  /** As {@link beat}, for a session that lives. */
  async stands(session: string, confirm: readonly string[] = []): Promise<Standing> {
    return alive(await this.beat(session, confirm))
  }

  follow(session: string, attachMs: number): Promise<SessionOutcome> {
    return this.store.attendSession({ session, attachMs })
  }

  /** How the session stands, renewing nothing; its waiters are alive for a ticket from now at most. */
  async peek(session: string): Promise<Standing> {
    return alive(await this.follow(session, 0))
  }

  end(session: string): Promise<ReleaseOutcome> {
    return this.store.endSession(session)
  }
}

function alive(outcome: SessionOutcome): Standing {
  if (outcome.kind !== 'standing') throw new Error(`gone: ${outcome.reason}`)
  return outcome
}
