// The page works without this script. The script searches services while you type, keeps what was entered when a service is chosen,
// shows that a test is running, and shows changes made by others without a reload.
'use strict';

const main = document.querySelector('main');
const byId = (id) => document.getElementById(id);

const loggedOut = new Error('logged out');

const load = async (url, signal) => {
  const answer = await fetch(url, { signal, headers: { Accept: 'text/html' } });
  const other = new DOMParser().parseFromString(await answer.text(), 'text/html');
  if (other.querySelector('main[data-login]')) {
    throw loggedOut;
  }
  if (!other.querySelector('main[data-revision]')) {
    throw new Error('no page of the site');
  }
  return other;
};

// take replaces an element's content with that of the other page. Equal content stays: it may have the focus, and screen readers have
// already read it.
const take = (other, id) => {
  const ours = byId(id);
  const theirs = other.getElementById(id);
  if (!ours.isEqualNode(theirs)) {
    ours.replaceChildren(...theirs.childNodes);
    ours.className = theirs.className;
  }
};

// Search

let typing;
let searching = new AbortController();

const search = async () => {
  clearTimeout(typing);
  searching.abort();
  searching = new AbortController();
  try {
    const other = await load(`${main.dataset.base}?q=${encodeURIComponent(byId('q').value)}`, searching.signal);
    take(other, 'found');
    take(other, 'matches');
  } catch (error) {
    if (error.name !== 'AbortError') { // a newer search replaced this one
      byId('found').textContent = 'The search failed. Try again.';
    }
  }
};

// Submitting the form would leave the page and lose what was entered.
byId('search').addEventListener('submit', (event) => {
  event.preventDefault();
  search();
});

byId('q').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(search, 150);
});

byId('search').addEventListener('keydown', (event) => {
  const stops = [byId('q'), ...document.querySelectorAll('#matches a')];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const next = stops[stops.indexOf(document.activeElement) + step];
  if (step && next) {
    event.preventDefault();
    next.focus();
  }
});

const fill = async (url) => {
  let other;
  try {
    other = await load(url);
  } catch {
    location.assign(url);
    return;
  }
  for (const name of ['host', 'port', 'encryption']) {
    byId(name).value = other.getElementById(name).value;
  }
  const address = new URL(url, location.href).searchParams.get('address');
  byId('username').value = address || byId('username').value;
  for (const id of ['service', 'username-hint', 'password-hint', 'found', 'matches']) {
    take(other, id);
  }
  byId('q').value = '';
  byId('service').focus();
};

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-fill]');
  if (link) {
    event.preventDefault();
    fill(link.href);
  }
});

document.addEventListener('submit', (event) => {
  if (event.target.matches('form[data-fill]')) {
    event.preventDefault();
    fill(`${main.dataset.base}?${new URLSearchParams(new FormData(event.target))}`);
  }
  if (event.target.id === 'send') {
    byId('send-button').textContent = 'Testing …';
    byId('send-button').disabled = true;
  }
});

// Changes while the page is open

// news shows a notice whose link leads to the current page.
const news = (notice) => {
  byId('news').innerHTML = `<p class="notice">${notice}</p>`;
  byId('news').querySelector('a').href = main.dataset.base;
};

// rendered is the revision that the page shows and submits; told is the revision that it last announced.
const rendered = main.dataset.revision;
let told = rendered;

const watch = async () => {
  if (document.hidden) {
    return;
  }
  const other = await load(`${main.dataset.base}${main.hasAttribute('data-running') ? location.search : ''}`);
  const theirs = other.querySelector('main').dataset;
  if (theirs.revision !== told) {
    take(other, 'state');
    news('This site was changed by <b></b> just now. <a>Show what is saved</a>');
    byId('news').querySelector('b').textContent = `“${theirs.by}”`;
    told = theirs.revision;
  }
  if (main.hasAttribute('data-running')) {
    for (const id of ['state', 'outcome', 'past']) {
      take(other, id);
    }
    if (theirs.revision === rendered) {
      take(other, 'switch');
    }
    main.toggleAttribute('data-running', 'running' in theirs);
  }
};

const keepWatching = () => setTimeout(async () => {
  try {
    await watch();
  } catch (error) {
    if (error === loggedOut) {
      news('Your session has ended. To keep what you entered, <a target="_blank">log in in another window</a> before you save here.');
      return;
    }
    // The site may answer next time.
  }
  keepWatching();
}, main.hasAttribute('data-running') ? 1000 : 5000);

keepWatching();

// Focus the error of a refused step, so that screen readers read it first.
document.querySelector('#notice.bad')?.focus();
