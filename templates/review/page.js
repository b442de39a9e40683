// Search and filters. Without scripts the page shows everything.
const filters = document.querySelector('.filters')
const cards = [...document.querySelectorAll('.card')]
const none = document.querySelector('.none')
const field = (name) => filters.querySelector(`[name="${name}"]`)

/** The numbers of nodes in "0-2 7"; "*" is every node. */
function holdsNode(list, node) {
  if (node === '' || list === '*') return true
  return list.split(' ').some((part) => {
    const [first, last = first] = part.split('-')
    return part !== '' && Number(first) <= Number(node) && Number(node) <= Number(last)
  })
}

const texts = new Map()
function textOf(card) {
  if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase())
  return texts.get(card)
}

function show() {
  const words = field('search')
    .value.toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const [namespace, node, severity] = ['namespace', 'node', 'severity'].map((name) => field(name).value)
  let shown = 0
  for (const card of cards) {
    const { ns, nodes } = card.dataset
    const isShown =
      (namespace === '' || ns === namespace) &&
      holdsNode(nodes, node) &&
      (severity === '' || card.classList.contains(severity)) &&
      words.every((word) => textOf(card).includes(word))
    card.hidden = !isShown
    if (isShown) shown++
  }
  filters.querySelector('output').textContent = `${shown} of ${cards.length} shown`
  nameButton()
  none.hidden = shown > 0 || cards.length === 0
}

const visible = () => cards.filter((card) => !card.hidden)
const button = filters.querySelector('button')
const allOpen = () => visible().every((card) => card.open)

function nameButton() {
  button.textContent = allOpen() ? 'Close all' : 'Open all'
}

function openTarget() {
  const card = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (card?.matches('details')) card.open = true
  card?.scrollIntoView()
}

filters.hidden = false
filters.addEventListener('input', show)
button.addEventListener('click', () => {
  const isOpening = !allOpen()
  for (const card of visible()) card.open = isOpening
})
for (const card of cards) card.addEventListener('toggle', nameButton)
addEventListener('hashchange', openTarget)
if (location.hash !== '') openTarget()
show()
