document.addEventListener("click", async (event) => {
  const copy = event.target.closest("button.copy");
  if (copy) {
    const text = document.getElementById(copy.dataset.from).innerText;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(copy.dataset.from));
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      document.execCommand("copy");
    }
    const before = copy.textContent;
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = before; }, 1500);
    return;
  }
  const enlarge = event.target.closest("button.enlarge");
  if (enlarge) {
    const large = enlarge.closest("figure").classList.toggle("large");
    enlarge.setAttribute("aria-expanded", String(large));
  }
});

const list = document.querySelector("table.sources");
if (list) {
  const body = list.tBodies[0];
  const picture = document.querySelector("#mosaic .sky img");
  const finder = document.querySelector(".finder");
  const zoom = 5;

  // Show one source: mark its row, its circle and its point, and a cut of the mosaic around it.
  const choose = (number, scroll) => {
    for (const element of document.querySelectorAll("[data-source]")) {
      element.classList.toggle("chosen", element.dataset.source === number);
    }
    for (const row of body.rows) {
      row.querySelector(".pick").setAttribute("aria-pressed", String(row.dataset.source === number));
    }
    const row = body.querySelector(`tr[data-source="${number}"]`);
    if (scroll) row.scrollIntoView({ block: "center" });
    const [x, y] = [Number(row.dataset.x), Number(row.dataset.y)];
    finder.hidden = !picture || x < 0;
    if (finder.hidden) return;
    const frame = finder.querySelector(".frame");
    const image = frame.querySelector("img") || frame.appendChild(document.createElement("img"));
    const side = frame.clientWidth;
    image.src = picture.src;
    image.alt = `The mosaic around source ${number}`;
    image.style.width = `${zoom * side}px`;
    image.style.left = `${side / 2 - (x / 1000) * zoom * side}px`;
    image.style.top = `${side / 2 - (y / 1000) * zoom * side}px`;
    finder.querySelector("p").textContent = `${number}: ${row.querySelector("th").textContent}`;
  };

  const sort = (head) => {
    const column = head.cellIndex;
    const falling = head.getAttribute("aria-sort") === "ascending" || (!head.hasAttribute("aria-sort") && column > 3);
    for (const other of list.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const key = (row) => row.cells[column].dataset.v;
    const compare = (a, b) =>
      key(a) === undefined
        ? a.cells[column].textContent.localeCompare(b.cells[column].textContent)
        : Number(key(a)) - Number(key(b));
    const rows = [...body.rows].sort((a, b) => (falling ? compare(b, a) : compare(a, b)));
    body.append(...rows);
  };

  document.addEventListener("click", (event) => {
    const head = event.target.closest("table.sources thead th");
    if (head) return sort(head);
    const chosen = event.target.closest("[data-source]");
    if (chosen) choose(chosen.dataset.source, !chosen.closest("table"));
  });
  if (body.rows.length) choose(body.rows[0].dataset.source, false);
}
