import { Bench } from './bench.ts'

window.bench = new Bench()

declare global {
  interface Window {
    bench: Bench
  }
}
