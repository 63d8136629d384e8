// Two browsers that chat with each other: `node chat_browsers.mjs CHROMIUM PAGE PICTURE`.
//
// Each has a profile of its own, so each is a user of its own. It ends with the lines
// that both see, as JSON, and leaves a picture of one of them.
import { chromium } from 'playwright-core';

const [executablePath, page, picture] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: [
    ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    ...['--disable-background-networking', '--disable-component-update'],
    '--disable-sync',
  ],
});
const open = async () => {
  const opened = await (await browser.newContext()).newPage();
  await opened.goto(page);
  await opened.locator('#users li').first().waitFor();
  return opened;
};
const write = async (opened, field, text) => {
  await opened.locator(field).fill(text);
  await opened.locator(field).press('Enter');
};
const lines = async (opened, count) => {
  await opened.locator('#messages li').nth(count - 1).waitFor();
  return opened.locator('#messages li').evaluateAll(all =>
    all.map(each => each.firstChild.textContent)
  );
};

try {
  const ada = await open();
  const bob = await open();
  await write(ada, '#name-input', 'Ada');
  await write(bob, '#name-input', 'Bob');
  await ada.locator('#users li', { hasText: 'Bob' }).waitFor();
  await write(ada, '#message-input', 'Is anybody there?');
  await lines(bob, 1);
  await write(bob, '#message-input', '<b>Here I am</b>');
  const seen = [await lines(ada, 2), await lines(bob, 2)];
  await ada.setViewportSize({ width: 900, height: 640 });
  await ada.screenshot({ path: picture });
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
