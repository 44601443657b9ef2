// Evaluated in a page: names the texts whose contrast with what is behind them is less than the level AA of WCAG asks for.
;(() => {
  const luminance = (color) => {
    const [red, green, blue] = Array.from(color.matchAll(/[\d.]+/g), ([part]) => Number(part) / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const isClear = (color) => color === "transparent" || color.endsWith(", 0)")
  const groundOf = (element) => {
    if (element === null) return "rgb(255, 255, 255)"
    const { backgroundColor } = getComputedStyle(element)
    return isClear(backgroundColor) ? groundOf(element.parentElement) : backgroundColor
  }
  return Array.from(document.querySelectorAll("h1, h2, label, textarea, button:enabled, kbd, span, div, strong"))
    .filter((element) => element.textContent.trim() !== "" || element.tagName === "TEXTAREA")
    .filter((element) => {
      const text = luminance(getComputedStyle(element).color)
      const ground = luminance(groundOf(element))
      return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05) < 4.5
    })
    .map((element) => `${element.tagName.toLowerCase()}#${element.id}`)
    .join(", ")
})()
