import react from '@vitejs/plugin-react'
import { playwright } from '@vitest/browser-playwright'
import type { UserConfig } from 'vite'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { lockServer } from './demo/lock-server-plugin.ts'
import { CHROMIUM_ARGS, findChromium } from './scripts/find-programs.mjs'
import { workerFileUrl } from './scripts/vite-worker-file.ts'
import { workerSource } from './scripts/vite-worker-source.ts'

/** What an application or Node brings itself. */
const EXTERNAL = [
  /^node:/,
  /^react($|\/)/,
  /^react-dom($|\/)/,
  /^zustand($|\/)/,
  /^hono($|\/)/,
  /^@hono\//,
  'valibot',
  '@valibot/to-json-schema',
  'jose',
  'pino',
  'prom-client',
  'classic-level',
  'pg',
]

const library: UserConfig['build'] = {
  target: 'es2022',
  minify: false,
  sourcemap: true,
  lib: {
    entry: {
      index: 'src/index.ts',
      store: 'src/store/index.ts',
      react: 'src/react/index.ts',
      devtools: 'src/devtools/index.ts',
      'devtools-production': 'src/devtools/production.ts',
      server: 'src/server/index.ts',
      'server-node': 'src/server/node.ts',
      cli: 'src/cli/main.ts',
    },
    formats: ['es'],
  },
  rolldownOptions: {
    external: EXTERNAL,
    output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
  },
}

/** The worker as a file of its own, for pages whose Content Security Policy forbids the built-in one. */
const workerFile: UserConfig['build'] = {
  target: 'es2022',
  emptyOutDir: false,
  sourcemap: true,
  lib: { entry: 'src/heartbeat/worker.ts', formats: ['es'], fileName: () => 'lockable-worker.js' },
}

const chromium = process.env.VITEST ? findChromium() : null

const test: ViteUserConfig['test'] = {
  projects: [
    {
      extends: true,
      test: {
        name: 'source',
        environment: 'node',
        include: ['test/**/*.test.{ts,tsx}'],
        exclude: ['test/**/*.browser.test.{ts,tsx}', 'test/{runtimes,processes,browsers,engines,stores,chaos}/**'],
      },
    },
    {
      extends: true,
      optimizeDeps: { include: ['react', 'react-dom/client', 'react/jsx-dev-runtime', 'zustand', 'zustand/vanilla'] },
      test: {
        name: 'browser',
        include: ['test/**/*.browser.test.{ts,tsx}'],
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({
            launchOptions: { args: CHROMIUM_ARGS, ...(chromium === null ? {} : { executablePath: chromium }) },
          }),
          instances: [{ browser: 'chromium' }],
        },
      },
    },
    {
      extends: true,
      test: {
        name: 'types',
        include: [],
        typecheck: {
          enabled: true,
          only: true,
          include: ['test/types/**/*.test-d.ts'],
          tsconfig: './tsconfig.json',
          ignoreSourceErrors: true,
        },
      },
    },
    {
      extends: true,
      test: {
        name: 'package',
        environment: 'node',
        include: ['test/{runtimes,processes}/**/*.test.ts'],
        globalSetup: 'test/runtimes/global-setup.ts',
        fileParallelism: false,
        testTimeout: 120_000,
        hookTimeout: 120_000,
      },
    },
    {
      extends: true,
      test: {
        name: 'engines',
        environment: 'node',
        include: ['test/{engines,stores,chaos}/**/*.test.ts'],
        fileParallelism: false,
        maxConcurrency: 30,
        testTimeout: 60_000,
        hookTimeout: 60_000,
      },
    },
    {
      extends: true,
      test: {
        name: 'browsers',
        environment: 'node',
        include: ['test/browsers/**/*.test.ts'],
        globalSetup: 'test/browsers/global-setup.ts',
        fileParallelism: false,
        maxConcurrency: 4,
        testTimeout: 90_000,
        hookTimeout: 90_000,
      },
    },
  ],
}

export default defineConfig(({ mode }) => ({
  plugins: [workerSource(), workerFileUrl(), react(), ...(mode === 'demo' ? [lockServer()] : [])],
  ...(mode === 'demo' ? { root: 'demo' } : {}),
  build: mode === 'demo' ? { outDir: '../demo-dist', emptyOutDir: true } : mode === 'worker' ? workerFile : library,
  test,
}))
