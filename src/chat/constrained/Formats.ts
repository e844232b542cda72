/**
 * `format` of JSON Schema as patterns. Each matches only what every common validator takes, not all that its standard
 * allows: no 29 February, no leap second, no letters beyond ASCII.
 */
const DATE = "\\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:0\\d|1[0-2]):[0-5]\\d)"
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"

export const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}T${TIME}`,
  duration: "P(?:\\d{1,4}W|(?:\\d{1,4}D)|(?:\\d{1,4}D)?T\\d{1,4}[HMS])",
  email: `[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,16})?@${LABEL}\\.[A-Za-z]{2,12}`,
  hostname: `${LABEL}(?:\\.${LABEL}){0,3}`,
  ipv4: `${BYTE}(?:\\.${BYTE}){3}`,
  ipv6: "(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}",
  uri: `https?://${LABEL}(?:\\.${LABEL}){0,3}(?:/[A-Za-z0-9._~-]{0,64}){0,8}`,
  uuid: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
}
