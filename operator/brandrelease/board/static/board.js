// Keeps a page up to date: what the stream says has changed takes the place of what is there. Without this file the page
// stands as it was loaded, and says so. Nothing here makes markup out of text: the server has escaped every value.
"use strict";

(() => {
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  const trouble = document.getElementById("trouble");
  const LOST_AFTER = 40000; // two beats of the stream, and some more

  // --- times -------------------------------------------------------------------------------------------------------

  let skew = 0; // of this browser's clock, in milliseconds

  const ago = (moment) => {
    const seconds = Math.round((Date.now() + skew - moment) / 1000);
    const size = Math.abs(seconds);
    const words =
      size < 5 ? "just now" :
      size < 90 ? `${size} s` :
      size < 5400 ? `${Math.round(size / 60)} min` :
      size < 129600 ? `${Math.round(size / 3600)} h` :
      `${Math.round(size / 86400)} days`;
    return words === "just now" ? words : seconds < 0 ? `in ${words}` : `${words} ago`;
  };

  const tellTimes = (within) => {
    for (const time of within.querySelectorAll("time[datetime]:not([data-keep])")) {
      if (!time.title) time.title = time.textContent;
      time.textContent = ago(Date.parse(time.dateTime));
    }
  };

  // --- what has changed ----------------------------------------------------------------------------------------------

  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  };

  const replace = (old, fresh) => {
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    for (const details of old.querySelectorAll("details[id]")) {
      const same = fresh.querySelector(`details[id="${CSS.escape(details.id)}"]`);
      if (same) same.open = details.open;
    }
    const scrolled = new Map([...old.querySelectorAll("pre")].map((pre, index) => [index, pre.scrollTop]));
    tellTimes(fresh);
    fresh.classList.add("fresh");
    old.replaceWith(fresh);
    [...fresh.querySelectorAll("pre")].forEach((pre, index) => { pre.scrollTop = scrolled.get(index) ?? 0; });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const takeParts = (content) => {
    for (const fresh of content.querySelectorAll("[data-version]")) {
      const old = document.getElementById(fresh.id);
      if (old && old.dataset.version !== fresh.dataset.version) replace(old, fresh);
    }
  };

  const names = (within) => [...within.querySelectorAll("[data-version]")].map((part) => part.id).join("\n");

  const takeWhole = (html) => {
    const content = parse(html);
    if (names(content) === names(main)) {
      takeParts(content);
      return;
    }
    const fresh = document.createElement("div");
    fresh.append(content);
    const left = window.scrollY;
    const focused = document.activeElement?.id;
    tellTimes(fresh);
    main.replaceChildren(...fresh.childNodes);
    window.scrollTo(window.scrollX, left);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  // --- the stream ----------------------------------------------------------------------------------------------------

  let heard = 0;

  const say = (state, words) => {
    if (live.dataset.state === state) return;
    live.dataset.state = state;
    live.textContent = words;
  };

  const listen = () => {
    const stream = new EventSource(main.dataset.stream);
    const on = (name, take) => stream.addEventListener(name, (event) => {
      heard = Date.now();
      say("live", "Live");
      take(JSON.parse(event.data));
    });
    on("beat", ({ now, trouble: words }) => {
      skew = Date.parse(now) - Date.now();
      trouble.hidden = !words;
      if (trouble.textContent !== words) trouble.textContent = words;
    });
    on("parts", ({ html }) => takeParts(parse(html)));
    on("whole", ({ html, gone }) => { if (gone) location.assign("/board"); else takeWhole(html); });
    stream.addEventListener("error", () => {
      say("lost", "Not live: the connection is lost. It is tried again by itself.");
      if (stream.readyState === EventSource.CLOSED) { // refused: too many viewers, or the token is not good any more
        say("lost", "Not live: the operator has refused the stream. Reload the page to see what is new.");
        setTimeout(listen, 15000 + Math.random() * 5000);
      }
    });
    return stream;
  };

  tellTimes(document);
  setInterval(() => tellTimes(document), 15000);
  if (main?.dataset.stream && live && window.EventSource) {
    listen();
    setInterval(() => {
      if (heard && Date.now() - heard > LOST_AFTER) say("lost", "Not live: nothing was heard for a while. It is tried again by itself.");
    }, 5000);
  }
})();
