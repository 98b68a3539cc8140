// TypeDoc plugin: puts the highlighted source files into the site, where `sourceLinkTemplate` of typedoc.json points, so
// that "Defined in" leads somewhere on any host.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as td from 'typedoc';

const BEFORE_ASSETS = 1; // the colours used here must still reach highlight.css

export function load(app) {
  let context;
  app.renderer.on(td.PageEvent.BEGIN, (page) => {
    context ??= app.renderer.theme.getRenderContext(page);
  });
  const writePages = ({ project, outputDirectory }) => {
    for (const [url, { file, title }] of sourcesOf(project)) {
      const page = join(outputDirectory, url);
      const code = context.markdown(`\`\`\`\`ts\n${readFileSync(file, 'utf8').trimEnd()}\n\`\`\`\``);
      mkdirSync(dirname(page), { recursive: true });
      writeFileSync(page, sourcePage(title, '../'.repeat(url.split('/').length - 1), code));
    }
  };
  app.renderer.on(td.RendererEvent.END, writePages, BEFORE_ASSETS);
}

/** Pages to write, by their address in the site. */
function sourcesOf(project) {
  const reflections = Object.values(project.reflections);
  const sources = [...reflections, ...reflections.flatMap(({ signatures }) => signatures ?? [])].flatMap(
    (reflection) => reflection.sources ?? [],
  );
  return new Map(
    sources.map(({ url, fullFileName, fileName }) => [
      url.replace(/^\.\.\/|#.*$/g, ''),
      { file: fullFileName, title: fileName },
    ]),
  );
}

function sourcePage(title, up, highlighted) {
  const [, code] = /<code[^>]*>([\s\S]*)<\/code>/.exec(highlighted);
  const lines = code.split(/<br\s*\/?>/).map((line, i) => `<span class="line" id="L${i + 1}">${line}</span>`);
  const styles = ['style', 'highlight', 'custom', 'typedoc-github-style'].map(
    (name) => `<link rel="stylesheet" href="${up}assets/${name}.css">`,
  );
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} | gradlet</title>
${styles.join('\n')}
<script>document.documentElement.dataset.theme = localStorage.getItem('tsd-theme') || 'os'</script>
</head>
<body class="source">
<p><a href="${up}index.html">gradlet</a> / ${title}</p>
<pre><code>${lines.join('\n')}</code></pre>
</body>
</html>
`;
}
