/** `datetime.now().strftime`, in the C locale and the machine's time zone. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December"
]

const DAY_MILLIS = 86_400_000

interface Moment {
  readonly date: Date
  /** From 0. */
  readonly dayOfYear: number
  /** From 0, which is Sunday. */
  readonly weekday: number
}

const momentOf = (date: Date): Moment => {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
  return {
    date,
    weekday: date.getDay(),
    dayOfYear: Math.round((day - Date.UTC(date.getFullYear(), 0, 1)) / DAY_MILLIS)
  }
}

/** ISO year and week: the week of the Thursday. */
const isoWeek = ({ date, weekday }: Moment): { readonly year: number; readonly week: number } => {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (weekday === 0 ? 7 : weekday))
  return { year: thursday.getFullYear(), week: Math.floor(momentOf(thursday).dayOfYear / 7) + 1 }
}

const hour12 = ({ date }: Moment): number => date.getHours() % 12 || 12

interface Field {
  readonly value: (moment: Moment) => number
  readonly width: number
  readonly pad: "0" | " "
}
const field = (width: number, value: Field["value"], pad: Field["pad"] = "0"): Field => ({ value, width, pad })

const NUMBERS: Readonly<Record<string, Field>> = {
  C: field(2, ({ date }) => Math.floor(date.getFullYear() / 100)),
  d: field(2, ({ date }) => date.getDate()),
  e: field(2, ({ date }) => date.getDate(), " "),
  f: field(6, ({ date }) => date.getMilliseconds() * 1000),
  G: field(4, (moment) => isoWeek(moment).year),
  g: field(2, (moment) => isoWeek(moment).year % 100),
  H: field(2, ({ date }) => date.getHours()),
  I: field(2, hour12),
  j: field(3, ({ dayOfYear }) => dayOfYear + 1),
  k: field(2, ({ date }) => date.getHours(), " "),
  l: field(2, hour12, " "),
  m: field(2, ({ date }) => date.getMonth() + 1),
  M: field(2, ({ date }) => date.getMinutes()),
  s: field(1, ({ date }) => Math.floor(date.getTime() / 1000)),
  S: field(2, ({ date }) => date.getSeconds()),
  u: field(1, ({ weekday }) => weekday || 7),
  U: field(2, ({ dayOfYear, weekday }) => Math.floor((dayOfYear + 7 - weekday) / 7)),
  V: field(2, (moment) => isoWeek(moment).week),
  w: field(1, ({ weekday }) => weekday),
  W: field(2, ({ dayOfYear, weekday }) => Math.floor((dayOfYear + 7 - ((weekday + 6) % 7)) / 7)),
  y: field(2, ({ date }) => date.getFullYear() % 100),
  Y: field(1, ({ date }) => date.getFullYear())
}

const monthOf = ({ date }: Moment): string => MONTHS[date.getMonth()] ?? ""
const dayOf = ({ weekday }: Moment): string => DAYS[weekday] ?? ""

const NAMES: Readonly<Record<string, (moment: Moment) => string>> = {
  A: dayOf,
  a: (moment) => dayOf(moment).slice(0, 3),
  B: monthOf,
  b: (moment) => monthOf(moment).slice(0, 3),
  h: (moment) => monthOf(moment).slice(0, 3),
  p: ({ date }) => (date.getHours() < 12 ? "AM" : "PM"),
  P: ({ date }) => (date.getHours() < 12 ? "am" : "pm"),
  n: () => "\n",
  t: () => "\t",
  "%": () => "%",
  // The moment has no time zone.
  z: () => "",
  Z: () => ""
}

const COMPOSED: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  v: "%e-%b-%Y",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
  "+": "%a %b %e %H:%M:%S  %Y"
}

const number = ({ pad, value, width }: Field, flag: string, moment: Moment): string => {
  const text = String(value(moment))
  if (flag === "-") return text
  return text.padStart(width, flag === "_" ? " " : flag === "0" ? "0" : pad)
}

const format = (template: string, moment: Moment): string =>
  template.replaceAll(/%([-_0^#]?)([EO]?)([\s\S])/gu, (whole, flag: string, _modifier, code: string) => {
    const numeric = Object.hasOwn(NUMBERS, code) ? NUMBERS[code] : undefined
    if (numeric !== undefined) return number(numeric, flag, moment)
    const composed = Object.hasOwn(COMPOSED, code) ? COMPOSED[code] : undefined
    const text =
      composed === undefined
        ? Object.hasOwn(NAMES, code)
          ? NAMES[code]?.(moment)
          : undefined
        : format(composed, moment)
    if (text === undefined) return whole
    return flag === "^" || flag === "#" ? text.toUpperCase() : text
  })

export const strftime = (template: string, date: Date): string => format(template, momentOf(date))
