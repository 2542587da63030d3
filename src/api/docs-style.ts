/** How the page of the API documentation looks; nothing else. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 2rem 1rem; }
h1 small { font-weight: normal; opacity: .6; }
h2 { margin-top: 3rem; }
h4 { margin: 1rem 0 .25rem; }
code { font: .9em ui-monospace, monospace; }
code.value { background: var(--soft); border-radius: 3px; padding: 0 .3em; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .75rem .25rem 0; vertical-align: top; }
td > table { margin: -.25rem 0; font-size: .95em; }
details.operation { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .5rem 1rem; }
summary { cursor: pointer; }
summary b { display: inline-block; width: 4.5rem; }
summary span { opacity: .7; margin-left: .75rem; }
b.get { color: #2a7ae2; } b.post { color: #2e9e4f; } b.put { color: #c27c0e; } b.delete { color: #d1383d; }
sup { color: #d1383d; }
`
