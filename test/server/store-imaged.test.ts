import { describe } from 'vitest'
import { defineStoreTests } from './every-store-test.ts'
import { useImagedStores } from './store-bench.ts'

useImagedStores()

describe('a store that goes on from an image', defineStoreTests)
