// @cloud-copilot/iam-simulate: its core engine's `authorize` with policies loaded once, which is its fastest way; the public functions
// load them for every call. Started like the runners in Python (loop.py), with the folder of its packages as one more word.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [, , file, seconds, folder] = process.argv
const load = (name) => import(pathToFileURL(`${folder}/node_modules/@cloud-copilot/${name}`))
const { authorize } = await load('iam-simulate/dist/esm/core_engine/CoreSimulatorEngine.js')
const { AwsRequestImpl } = await load('iam-simulate/dist/esm/request/request.js')
const { RequestContextImpl } = await load('iam-simulate/dist/esm/requestContext.js')
const { DiscoveryContextKeyConstraints } = await load('iam-simulate/dist/esm/context_keys/discoveryContextKeyConstraints.js')
const { loadPolicy } = await load('iam-policy/dist/esm/index.js')

const given = JSON.parse(readFileSync(file, 'utf8'))
const fixed = {
  identityPolicies: given.documents.map((document, number) => loadPolicy(document, { name: `p${number}` })),
  serviceControlPolicies: [],
  resourceControlPolicies: [],
  simulationParameters: { simulationMode: 'Strict', discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]) },
}

function allowed(ask) {
  const resource = { resource: ask.resource, accountId: given.account }
  const request = new AwsRequestImpl(given.caller, resource, ask.action, new RequestContextImpl(ask.context))
  return authorize({ ...fixed, request }).result === 'Allowed'
}

function rate(limit) {
  const begun = process.cpuUsage()
  for (let done = 0; ; ) {
    for (let at = 0; at < 40; at++) allowed(given.asks[done++ % given.asks.length])
    const { user, system } = process.cpuUsage(begun)
    const spent = (user + system) / 1e6
    if (spent >= limit) return done / spent
  }
}

if (Number(seconds)) {
  rate(3) // V8 needs longer to warm up than the others: with half a second it comes out a third slower
  console.log(JSON.stringify({ rate: rate(Number(seconds)) }))
} else {
  const wrong = given.asks.filter((ask) => allowed(ask) !== ask.allowed).length
  console.log(JSON.stringify({ wrong }))
}
