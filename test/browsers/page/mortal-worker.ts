import '../../../src/heartbeat/worker.ts'
import type { Death } from './deaths.ts'

new BroadcastChannel(self.name).onmessage = ({ data }: MessageEvent<Death>) => {
  if (data === 'closes') return self.close()
  if (data === 'throws') throw new Error('thrown on purpose')
  for (;;);
}
