/** Whether a part was judged: at least one vote was asked. Any other one got the fail-safe, which says nothing about it. */
export function isJudged({ votes }: { votes: number }): boolean {
  return votes > 0;
}
