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
