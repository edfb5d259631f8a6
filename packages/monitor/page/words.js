// The language of the page: the one that was chosen, else the browser's, else English.

import { english } from "./words-en.js";
import { german } from "./words-de.js";

const languages = { en: english, de: german };

export const language = localStorage.getItem("language") ?? (navigator.language.startsWith("de") ? "de" : "en");
export const words = languages[language] ?? english;
document.documentElement.lang = languages[language] === undefined ? "en" : language;

const counts = new Intl.NumberFormat(language);
/** Hours to 24, as in the log, and no order of day and month that can be misread. */
const calendar = language === "en" ? "en-GB" : language;
const instants = new Intl.DateTimeFormat(calendar, { dateStyle: "medium", timeStyle: "medium" });
const days = new Intl.DateTimeFormat(calendar, { dateStyle: "medium" });
const times = new Intl.DateTimeFormat(calendar, { timeStyle: "medium" });

export function count(number) {
  return counts.format(number);
}

/** Of ISO text or Unix milliseconds. */
export function instant(time) {
  return instants.format(new Date(time));
}

/** Today's without the date. */
export function since(iso) {
  const then = new Date(iso);
  const isToday = then.toDateString() === new Date().toDateString();
  return isToday ? clockTime(then) : instant(iso);
}

/** Of a Date or Unix milliseconds, like the day. */
export function clockTime(time) {
  return times.format(time);
}

export function day(time) {
  return days.format(time);
}

export function age(ms) {
  if (ms < 9950)
    return `${(Math.max(0, ms) / 1000).toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

export function milliseconds(ms) {
  return ms.toLocaleString(language, { maximumSignificantDigits: 3 });
}
