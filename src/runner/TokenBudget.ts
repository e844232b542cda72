/** How many tokens an answer may have (spec 01 §0.1(8), spec 02 §4.2). Pure. */

/**
 * The requested number, without one the caller's share of the context, both bounded by what the prompt leaves. Null when
 * the prompt fills the context.
 */
export const tokenBudget = (request: {
  readonly contextLength: number
  readonly promptTokens: number
  readonly maxTokens: number | null
  readonly contextShare: number
}): number | null => {
  const room = request.contextLength - request.promptTokens
  if (room < 1) return null
  const share = Math.max(1, Math.floor(request.contextLength * request.contextShare))
  return Math.min(request.maxTokens ?? share, room)
}
