/** Let the keyboard reach what scrolls sideways, such as a wide table on a narrow screen. */
export function scrollable(element: HTMLElement): () => void {
  const look = (): void => {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  };
  const sizes = new ResizeObserver(look);
  sizes.observe(element);
  const content = new MutationObserver(look);
  content.observe(element, { childList: true, subtree: true });
  return () => {
    sizes.disconnect();
    content.disconnect();
  };
}
