import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { freeName, nameInAddress, namesInUse } from './people.ts'
import './styles/base.css'
import './styles/scenes.css'
import './styles/document.css'
import './styles/sync.css'

const asked = nameInAddress()
const taken = await namesInUse()
const person = asked ?? freeName(taken)
// The first tab shows both sides; later ones are one person each.
const candidate = freeName(new Set([person, ...taken]))
const companion = asked === null && taken.size === 0 ? candidate : null

const root = document.getElementById('app')
if (!root) throw new Error('The page has no element with the id "app".')
createRoot(root).render(
  <StrictMode>
    <App firstPerson={person} firstCompanion={companion} firstCandidate={candidate} />
  </StrictMode>,
)
