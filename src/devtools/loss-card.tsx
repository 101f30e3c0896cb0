import type { ReactElement } from 'react'
import type { Loss } from '../index.ts'
import { describeEvent } from './describe-event.ts'
import { timeOfDay } from './format.ts'
import { Icon } from './icons.tsx'
import { causeInWords } from './rows.ts'

/** Why a lock was lost, what speaks for it, and what to do. */
export function LossCard({ name, loss }: { name: string; loss: Loss }): ReactElement {
  return (
    <div className="card" data-tone="bad">
      <h3>
        <Icon name="lost" /> Why {name} was lost
      </h3>
      <p className="card-sentence">{loss.sentence}</p>
      <p className="card-cause">
        Cause: <strong>{causeInWords(loss.cause)}</strong>
      </p>
      <h4>What to do</h4>
      <p>{loss.advice}</p>
      {loss.evidence.length > 0 && (
        <details>
          <summary>
            Evidence: {loss.evidence.length} {loss.evidence.length === 1 ? 'event' : 'events'}
          </summary>
          <ol className="evidence">
            {loss.evidence.map((event) => {
              const { word, text } = describeEvent(event)
              return (
                <li key={event.seq}>
                  <time>{timeOfDay(event.wall)}</time> <strong>{word}</strong> {text}
                </li>
              )
            })}
          </ol>
        </details>
      )}
    </div>
  )
}
