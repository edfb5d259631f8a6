import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { cellOf, openBrowser, openPage } from "./browser.ts";
import { simulatedPlant } from "./simulated-plant.ts";

const watchdog = { timeout: 150_000 };
const images = join(import.meta.dirname, "../../../docs/images");
const axeSource = readFileSync(fileURLToPath(import.meta.resolve("axe-core")), "utf8");
const patience = { timeout: 30_000 };

/** For the docs: `KEEP_SCREENSHOTS=1 npm run test:monitor`. */
async function keepScreenshot(page: Page, name: string): Promise<void> {
  if (process.env["KEEP_SCREENSHOTS"] === undefined) return;
  await page.screenshot({ path: join(images, `${name}.jpg`), type: "jpeg", quality: 70 });
}

async function violations(page: Page): Promise<readonly string[]> {
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      readonly axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations: found } = await axe.run();
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
}

test("the page on the simulated plant", watchdog, async (t) => {
  const plant = await simulatedPlant(t);
  const browser = await openBrowser(t);
  const { page, complaints } = await openPage(browser, plant.address);
  // Past the page's own policy, as a tool of the test.
  await page.context().addInitScript(axeSource);
  await page.reload();

  await t.test("values move, and nothing is wrong", async () => {
    await page.getByText("Nothing is wrong.").waitFor(patience);
    const value = cellOf(page, "Produkttemperatur", "value");
    const first = await value.textContent(patience);
    while ((await value.textContent(patience)) === first);
    assert.equal(await cellOf(page, "Produkttemperatur", "status").textContent(), "good");
    assert.match((await page.locator("#summary").textContent()) ?? "", /^3 of 3 servers, 73 of 73 points good$/);
  });

  await t.test("a search, a server and a status narrow the list", async () => {
    await page.getByLabel("Search").fill("druck");
    await page.locator(".shown", { hasText: " of 73" }).waitFor(patience);
    for (const row of await page.locator("#points-grid .rows .row").allTextContents()) assert.match(row, /druck/i);
    await page.getByLabel("Search").fill("");
    await page
      .locator("label", { hasText: /^Server/ })
      .locator("select")
      .selectOption("Energiezähler");
    await page.getByText("4 of 73").waitFor(patience);
    await page
      .locator("label", { hasText: /^Server/ })
      .locator("select")
      .selectOption("");
    await page.getByLabel("Status").selectOption("bad");
    await page.getByText("Nothing matches.").waitFor(patience);
    await page.getByLabel("Status").selectOption("");
    await page.locator(".shown").getByText("73", { exact: true }).waitFor(patience);
  });

  await t.test(
    "the keyboard alone chooses points, whose trend and details come out of the journal at once",
    async () => {
      const chosenMs = Date.now();
      await page.locator("#points-grid").focus();
      for (const key of ["Home", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "Enter"])
        await page.keyboard.press(key);
      await page.locator("#plot canvas").waitFor(patience);
      assert.equal(await page.locator(".legend li").count(), 1);
      await page.getByLabel("Search").fill("Durchfluss");
      await cellOf(page, "Durchfluss", "point").click(patience);
      await page.getByLabel("Search").fill("");
      await page.locator(".legend li").nth(1).waitFor(patience);
      const details = (await page.locator(".legend li").nth(1).textContent()) ?? "";
      for (const word of ["Address", "Type", "Received"]) assert.match(details, new RegExp(word));
      // The history comes with the next message to the page.
      let firstTime = "";
      while (!(Date.parse(firstTime) < chosenMs)) {
        const downloading = page.waitForEvent("download", patience);
        await page.getByRole("button", { name: "CSV" }).click();
        const lines = readFileSync((await (await downloading).path()) ?? "", "utf8").split("\r\n");
        assert.match(lines[0] ?? "", /^"time",".*","Abfüllanlage .*Durchfluss.* \[l\/min\]"$/);
        [firstTime = ""] = lines[1]?.split(",") ?? [];
      }
      t.diagnostic(`the history begins ${chosenMs - Date.parse(firstTime)} ms before the choice`);
      await cellOf(page, "Anlagenstatus", "value").waitFor(patience);
      await page.getByLabel("Time").selectOption("60");
      await keepScreenshot(page, "monitor");
    },
  );

  await t.test(
    "a screen reader finds nothing wrong, light and dark, in both languages, with problems and without",
    async () => {
      assert.deepEqual(await violations(page), []);
      await page.getByLabel("Colours").selectOption("dark");
      assert.deepEqual(await violations(page), []);
      await page.getByRole("tab", { name: "Servers" }).click();
      await page.locator("#servers-grid .rows .row").nth(2).waitFor(patience);
      assert.deepEqual(await violations(page), []);
      await page.getByLabel("Language").selectOption("de");
      await page.getByText("Alles in Ordnung.").waitFor(patience);
      assert.equal(await page.locator("html").getAttribute("lang"), "de");
      assert.deepEqual(await violations(page), []);
      await page.getByLabel("Sprache").selectOption("en");
      await page.getByLabel("Colours").selectOption("auto");
      await page.getByText("Nothing is wrong.").waitFor(patience);
    },
  );

  await t.test("a server that is killed is named within five seconds, with the reason and what to do", async () => {
    const killedMs = performance.now();
    await plant.modbusDevices.end("SIGKILL");
    const problem = page.locator("li[data-kind=serverLost]", { hasText: "Ecotec" });
    await problem.waitFor(patience);
    const tookMs = performance.now() - killedMs;
    t.diagnostic(`named after ${Math.round(tookMs)} ms`);
    const text = (await problem.textContent()) ?? "";
    assert.match(text, /Ecotec is lost: 44 points are bad/);
    assert.match(text, /since \d\d:\d\d:\d\d(?!\s*[AP]M)/i, "hours to 24, as in the log");
    assert.match(text, /Reason: .*(closed|reset|refused|nothing listens)/i);
    assert.match(text, /What to do: Is the server switched on\?/);
    assert.match(text, /Operations handbook, “A Modbus device fails”: off, no route, refused/);
    await page.getByLabel("Status").selectOption("bad");
    await page.getByText("48 of 73").waitFor(patience);
    assert.deepEqual(await violations(page), []);
    await keepScreenshot(page, "monitor-problem");
    await page.getByLabel("Status").selectOption("");
  });

  await t.test("a phone shows the same, and nothing is wider than its screen", async () => {
    const phone = await openPage(browser, plant.address, {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      colorScheme: "dark",
      deviceScaleFactor: 1,
    });
    await phone.page.locator("#points-grid .rows .row .value").first().waitFor(patience);
    assert.equal(await phone.page.locator("html").evaluate(({ scrollWidth }) => scrollWidth), 390);
    await keepScreenshot(phone.page, "monitor-phone");
    assert.deepEqual(phone.complaints, []);
  });

  await t.test(
    "a partition that is killed is told within two seconds; nothing looks alive; it comes back by itself",
    async () => {
      const killedMs = performance.now();
      await plant.partition.end("SIGKILL");
      await page.getByText("The partition is NOT RUNNING").waitFor(patience);
      t.diagnostic(`told after ${Math.round(performance.now() - killedMs)} ms`);
      const alive = page.locator("#points-grid .rows .row:not([data-quality=dead])");
      await alive.first().waitFor({ ...patience, state: "detached" });
      plant.startPartition();
      await page.locator("#points-grid .rows .row[data-quality=good]").first().waitFor(patience);
    },
  );

  await t.test("a monitor that is gone turns the page grey, and the page finds it again", async () => {
    await plant.monitor.end("SIGKILL");
    await page.locator("body.silent").waitFor(patience);
    assert.match((await page.locator("#connection").textContent()) ?? "", /^No connection to the monitor since /);
    await plant.startMonitor(new URL(plant.address).host);
    await page.locator("body:not(.silent)").waitFor(patience);
    await page.locator("#points-grid .rows .row[data-quality=good]").first().waitFor(patience);
  });

  assert.deepEqual(
    complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_CONNECTION_RESET|ERR_EMPTY/.test(text)),
    [],
  );
});
