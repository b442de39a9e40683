#!/usr/bin/env node
// Keeps one comment of a pull request at what a review says: made where there is none, renewed where it differs, removed where nothing
// changes any more. Node.js 20, no packages. `comment.mjs FILE`, or `comment.mjs --remove`; settings are variables:
//
//   GitHub  GITHUB_API_URL GITHUB_REPOSITORY GITHUB_TOKEN, and IPVSC_PULL_REQUEST: its number; or "from-head", where a job does not
//           know it but IPVSC_HEAD (owner:branch) and IPVSC_HEAD_SHA. IPVSC_AUTHOR: whose comments are ours (default: github-actions[bot]).
//   GitLab  CI_API_V4_URL CI_PROJECT_ID CI_MERGE_REQUEST_IID, and IPVSC_TOKEN: a project access token with the scope api
//   both    IPVSC_KEY tells several reviews of a pull request apart
import { readFileSync } from 'node:fs'

const { env } = process
const key = (env.IPVSC_KEY ?? '').replace(/[^\w.-]/g, '_')
/** What a comment of ours begins with; nobody sees it. */
const MARK = `<!-- ipvsc review${key === '' ? '' : ` ${key}`} -->`
const PER_PAGE = 100

class Refused extends Error {}

function needed(name) {
  const value = env[name] ?? ''
  if (value === '') throw new Refused(`${name} is not set`)
  return value
}

async function ask(method, url, headers, body) {
  const response = await fetch(url, {
    method,
    headers: {
      ...headers,
      'User-Agent': 'ipvsc',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await response.text()
  if (!response.ok)
    throw new Refused(`${method} ${new URL(url).pathname}: ${response.status}${whyNot(response.status)}`)
  return text === '' ? null : JSON.parse(text)
}

const whyNot = (status) =>
  status === 401 || status === 403
    ? ' (the token may not write here; from a fork a workflow_run job comments, see docs/pipeline.md)'
    : ''

/** Every page of a list. */
async function all(url, headers) {
  const found = []
  for (let page = 1; ; page++) {
    const items = await ask(
      'GET',
      `${url}${url.includes('?') ? '&' : '?'}per_page=${PER_PAGE}&page=${page}`,
      headers,
    )
    found.push(...items)
    if (items.length < PER_PAGE) return found
  }
}

async function github() {
  const headers = {
    Accept: 'application/vnd.github+json',
    Authorization: `Bearer ${needed('GITHUB_TOKEN')}`,
    'X-GitHub-Api-Version': '2022-11-28',
  }
  const repository = `${needed('GITHUB_API_URL')}/repos/${needed('GITHUB_REPOSITORY')}`
  const asked = needed('IPVSC_PULL_REQUEST')
  const number = asked === 'from-head' ? await pullRequestOf(repository, headers) : asked
  if (number === null) return null
  if (!/^\d+$/.test(number)) throw new Refused('IPVSC_PULL_REQUEST is no number')
  const author = env.IPVSC_AUTHOR || 'github-actions[bot]'
  const one = (id) => `${repository}/issues/comments/${id}`
  return {
    list: async () =>
      (await all(`${repository}/issues/${number}/comments`, headers)).filter(
        ({ user }) => user?.login === author,
      ),
    add: (body) => ask('POST', `${repository}/issues/${number}/comments`, headers, { body }),
    renew: (id, body) => ask('PATCH', one(id), headers, { body }),
    remove: (id) => ask('DELETE', one(id), headers),
  }
}

/** The open pull request whose head is a commit; `null`: another commit is its head by now. */
async function pullRequestOf(repository, headers) {
  const [head, sha] = [needed('IPVSC_HEAD'), needed('IPVSC_HEAD_SHA')]
  const found = await all(`${repository}/pulls?state=open&head=${encodeURIComponent(head)}`, headers)
  const pull = found.find((one) => one.head?.sha === sha)
  return pull === undefined ? null : String(pull.number)
}

async function gitlab() {
  const headers = { 'PRIVATE-TOKEN': needed('IPVSC_TOKEN') }
  const api = needed('CI_API_V4_URL')
  const notes = `${api}/projects/${needed('CI_PROJECT_ID')}/merge_requests/${needed('CI_MERGE_REQUEST_IID')}/notes`
  const me = await ask('GET', `${api}/user`, headers)
  return {
    list: async () => (await all(notes, headers)).filter(({ author }) => author?.id === me.id),
    add: (body) => ask('POST', notes, headers, { body }),
    renew: (id, body) => ask('PUT', `${notes}/${id}`, headers, { body }),
    remove: (id) => ask('DELETE', `${notes}/${id}`, headers),
  }
}

/** What is there becomes what is wanted; `null`: no comment. */
async function keep(host, wanted) {
  const ours = (await host.list()).filter(({ body }) => body?.startsWith(MARK))
  const [first, ...more] = ours
  for (const { id } of wanted === null ? ours : more) await host.remove(id)
  if (wanted === null) return ours.length === 0 ? 'no comment is needed' : 'the comment is removed'
  if (first === undefined) {
    await host.add(wanted)
    return 'commented'
  }
  if (first.body === wanted) return 'the comment says it already'
  await host.renew(first.id, wanted)
  return 'the comment is renewed'
}

try {
  const [word] = process.argv.slice(2)
  if (word === undefined) throw new Refused('usage: comment.mjs FILE, or comment.mjs --remove')
  const wanted = word === '--remove' ? null : `${MARK}\n${readFileSync(word, 'utf8')}`
  const host = env.GITLAB_CI === 'true' ? await gitlab() : await github()
  console.log(host === null ? 'the pull request has moved on: nothing to say' : await keep(host, wanted))
} catch (error) {
  console.error(
    `comment: ${error instanceof Refused || error.code === 'ENOENT' ? error.message : `${error.message} ${error.cause ?? ''}`}`,
  )
  process.exitCode = 1
}
