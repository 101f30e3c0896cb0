import { describe } from 'vitest'
import { defineStoreTests } from './every-store-test.ts'
import { useDurableStores } from './store-bench.ts'

useDurableStores()

describe('a durable store', defineStoreTests)
