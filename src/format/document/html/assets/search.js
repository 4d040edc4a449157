// Search without fetch(): the index lies in small script files that call the functions below.
// How words are made must agree with words.cpp; the files are described in search_index.h.
(() => {
  "use strict";
  const pairedRanges = [[0x0e00, 0x0eff], [0x1000, 0x109f], [0x1780, 0x17ff], [0x3040, 0x30ff],
    [0x3400, 0x4dbf], [0x4e00, 0x9fff], [0xf900, 0xfaff], [0x20000, 0x3ffff]];
  const wordCharactersMax = 24, shardsMax = 60, shownMax = 50;
  const letter = /[\p{L}\p{N}]/u, mark = /\p{M}/u, picture = /\p{So}/u;

  const wordsOf = (text) => {
    const words = [];
    let word = "", length = 0, previous = "";
    const endWord = () => { if (word) words.push(word); word = ""; length = 0; };
    // A typed run is looked for by its pairs, a single sign by itself.
    let single = true;
    const endPair = () => { if (previous && single) words.push(previous); previous = ""; single = true; };
    const plain = text.normalize("NFKD").toLowerCase().replaceAll("ς", "σ").replaceAll("ß", "ss");
    for (const sign of plain) {
      if (mark.test(sign)) continue;
      const code = sign.codePointAt(0);
      const paired = letter.test(sign) ? pairedRanges.some(([a, b]) => code >= a && code <= b)
        : picture.test(sign) && code >= 0x2600;
      if (paired) {
        endWord();
        if (previous) { words.push(previous + sign); single = false; }
        previous = sign;
      } else if (letter.test(sign)) {
        endPair();
        if (++length <= wordCharactersMax) word += sign;
      } else {
        endWord();
        endPair();
      }
    }
    endWord();
    endPair();
    return [...new Set(words)];
  };

  // Code points, not UTF-16 units: the order of the files.
  const before = (a, b) => {
    const x = [...a], y = [...b];
    for (let i = 0; i < Math.min(x.length, y.length); ++i) {
      if (x[i] !== y[i]) return x[i].codePointAt(0) - y[i].codePointAt(0);
    }
    return x.length - y.length;
  };

  let index = null;
  const waiting = new Map(), words = new Map(), docs = new Map();
  const arrived = (kind, store) => (number, data) => {
    store.set(number, data);
    waiting.get(kind + number)?.done();
  };
  window.perdureIndex = (data) => { index = data; start(); };
  window.perdureWords = arrived("w", words);
  window.perdureDocs = arrived("d", docs);

  const load = (kind, number) => {
    const key = kind + number;
    if (!waiting.has(key)) {
      let done;
      const promise = new Promise((resolve, reject) => {
        done = resolve;
        const script = document.createElement("script");
        script.src = `search/${key}.js`;
        script.onerror = () => { waiting.delete(key); reject(new Error(`search/${key}.js is missing`)); };
        document.head.append(script);
      });
      waiting.set(key, { promise, done });
    }
    return waiting.get(key).promise;
  };

  // The shards that may hold words beginning with `prefix`.
  const shardsOf = (prefix) => {
    const out = [];
    index.shards.forEach((first, i) => {
      const next = index.shards[i + 1];
      const starts = first.startsWith(prefix);
      if (!starts && before(first, prefix) > 0) return;
      if (next === undefined || before(next, prefix) >= 0) out.push(i);
    });
    return out;
  };

  // record → weight: whole words and titles weigh more.
  const find = async (prefix) => {
    const shards = shardsOf(prefix);
    const found = new Map();
    const looked = shards.slice(0, shardsMax);
    await Promise.all(looked.map((i) => load("w", i)));
    for (const i of looked) {
      const list = words.get(i);
      for (let at = 0; at < list.length; at += 2) {
        if (!list[at].startsWith(prefix)) continue;
        const whole = list[at] === prefix ? 2 : 0;
        let value = 0;
        for (const delta of list[at + 1].split(" ")) {
          value += parseInt(delta, 36);
          const record = Math.floor(value / 2), weight = 1 + whole + (value % 2) * 4;
          found.set(record, Math.max(found.get(record) ?? 0, weight));
        }
      }
    }
    return { found, cut: shards.length > shardsMax };
  };

  const state = document.getElementById("search-state");
  const results = document.getElementById("results");
  const field = document.getElementById("q");
  let turn = 0;

  const item = ([address, title, date, kind, excerpt]) => {
    const put = (name, css, text) => {
      const element = document.createElement(name);
      if (css) element.className = css;
      element.dir = "auto";
      if (text) element.textContent = text;
      return element;
    };
    const li = document.createElement("li");
    li.className = "card";
    const text = document.createElement("div");
    text.className = "card-text";
    const heading = put("p", "card-title");
    const link = put("a", "", title);
    link.href = address;
    heading.append(link);
    text.append(heading);
    if (excerpt) text.append(put("p", "card-excerpt", excerpt));
    text.append(put("p", "card-facts", [date, kind].filter(Boolean).join(" · ")));
    li.append(text);
    return li;
  };

  const search = async (query) => {
    const mine = ++turn;
    const wanted = wordsOf(query);
    if (wanted.length === 0) {
      state.textContent = "Type the beginning of one or several words.";
      results.replaceChildren();
      return;
    }
    state.textContent = "Looking…";
    try {
      let hits = null, cut = false;
      for (const word of wanted) {
        const one = await find(word);
        if (mine !== turn) return;
        cut ||= one.cut;
        if (hits === null) { hits = one.found; continue; }
        const both = new Map();
        for (const [record, weight] of hits) {
          const more = one.found.get(record);
          if (more) both.set(record, weight + more);
        }
        hits = both;
      }
      const order = [...hits].sort((a, b) => b[1] - a[1] || b[0] - a[0]);
      const shown = order.slice(0, shownMax).map(([record]) => record);
      await Promise.all([...new Set(shown.map((r) => Math.floor(r / index.docs)))].map((n) => load("d", n)));
      if (mine !== turn) return;
      results.replaceChildren(...shown.map((r) => item(docs.get(Math.floor(r / index.docs))[r % index.docs])));
      const count = order.length.toLocaleString("en");
      state.textContent = order.length === 0 ? "Nothing found."
        : `${count} ${order.length === 1 ? "record" : "records"} found` +
          (order.length > shownMax ? `, the best ${shownMax} shown` : "") +
          (cut ? "; so many words begin like this that not all were looked at" : "") + ".";
    } catch (error) {
      state.textContent = `The search index cannot be read: ${error.message}.`;
    }
  };

  const start = () => {
    const query = new URLSearchParams(location.search).get("q") ?? "";
    field.value = query;
    const other = document.getElementById("site-q");
    if (other) other.closest("form").hidden = true;
    let timer = 0;
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => search(field.value), 120);
    });
    field.form.addEventListener("submit", (event) => {
      event.preventDefault();
      try { history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`); } catch { /* file:// */ }
      search(field.value);
    });
    field.focus();
    if (query) search(query);
  };
  window.addEventListener("load", () => {
    if (!index) state.textContent = "The search index cannot be read: search/index.js is missing.";
  });
})();
