// Debian's Chromium, driven by Playwright, and a page that may not complain: an error, a refused resource or a broken policy fails the test.

import type { TestContext } from "node:test";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export async function openBrowser(t: TestContext): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  t.after(async () => await browser.close());
  return browser;
}

/** `complaints` has what the browser's console said. */
export async function openPage(browser: Browser, address: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 850 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
  await page.goto(address);
  return { page, complaints };
}

/** The text of the cell in the row of a point. */
export function cellOf(page: Page, point: string, column: string) {
  return page.locator("#points-grid .rows .row", { hasText: point }).first().locator(`.${column}`);
}
