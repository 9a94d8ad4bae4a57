import t from 'tap';
import { compileErrorPage } from '../../../router/core/error-page.js';
import type { ErrorFacts } from '../../../router/core/error-page.js';

const facts = (changes: Partial<ErrorFacts> = {}): ErrorFacts => ({
  status: 404,
  statusText: 'Not Found',
  message: "Requested route ('a.test') does not exist.",
  headers: ['X-Cf-RouterError', 'unknown_route', 'Cache-Control', 'no-cache, no-store'],
  ...changes,
});

const render = (template: string, changes: Partial<ErrorFacts> = {}): string => {
  const page = compileErrorPage(template);
  return page.ok ? page.value(facts(changes)) : `! ${page.error}`;
};

t.test('error page - values, and headers whatever their case', async (t) => {
  t.equal(render('plain\n'), 'plain\n');
  t.equal(render('{{ .Status }} {{.StatusText}}'), '404 Not Found');
  t.equal(render('<p>{{.Message}}</p>'), '<p>Requested route (&#39;a.test&#39;) does not exist.</p>');
  t.equal(render('{{ .Header.Get "x-cf-routererror" }}|{{.Header.Get `Absent`}}'), 'unknown_route|');
});

t.test('error page - conditions', async (t) => {
  const template =
    '{{if eq .Status 404 410}}none{{else if eq .Header.Get "X-Cf-RouterError" "no_endpoints"}}nobody' +
    '{{else if ne .Status 503}}odd{{else}}other{{end}}.';
  t.equal(render(template), 'none.');
  t.equal(render(template, { status: 410 }), 'none.');
  const headers = ['x-cf-routererror', 'no_endpoints'];
  t.equal(render(template, { status: 503, headers }), 'nobody.');
  t.equal(render(template, { status: 502, headers: [] }), 'odd.');
  t.equal(render(template, { status: 503, headers: [] }), 'other.');
  t.equal(render('{{if not .Message}}a{{end}}{{if .Status}}b{{if .Message}}c{{end}}{{end}}'), 'bc');
});

t.test('error page - comments, trimmed white space, braces in text', async (t) => {
  t.equal(render('a {{/* {{ " */}} b'), 'a  b');
  t.equal(render('a\n {{- .Status -}} \n b'), 'a404b');
  t.equal(render('a {{ "x }} y" }}'), 'a x }} y');
  t.equal(render('a } {b}} {'), 'a } {b}} {');
});

t.test('error page - what others wrote adds no markup', async (t) => {
  const message = '</p><script>"\'&\0';
  const expected = '&lt;/p&gt;&lt;script&gt;&#34;&#39;&amp;\uFFFD';
  t.equal(render('{{.Message}}', { message }), expected);
  t.equal(render('<p title="{{.Message}}">', { message }), `<p title="${expected}">`);
  for (const safe of [
    '<style>a{}</style><p data-x="1" class=\'{{.Message}}\'>',
    '<a href="x">{{.Message}}</a>',
    '1 < 2 {{.Message}}',
    "<p>it's {{.Message}}",
    '<textarea>{{.Message}}</textarea>',
  ]) {
    t.match(render(safe), 'Requested route (&#39;', safe);
  }
  for (const unsafe of [
    '<script>let x = "{{.Message}}"',
    '<STYLE>{{.Message}}',
    '<a href="{{.Message}}">',
    '<a onclick="f(\'{{.Message}}\')">',
    '<a title={{.Message}}>',
    '<a {{.Message}}>',
    '<{{if .Status}}a{{end}} title="x" {{.Message}}>',
    '<meta http-equiv="refresh" content="0;{{.Message}}">',
  ]) {
    t.match(render(unsafe), /^! line 1: no place where text of others is safe: \{\{\.Message\}\}$/, unsafe);
  }
});

t.test('error page - what the router does not know is refused, by line', async (t) => {
  for (const [template, problem] of [
    ['\n\n{{ .Cause }}', 'line 3: no action that the router knows: {{.Cause}}'],
    ['{{', 'line 1: an action that does not end'],
    ['{{ .Message', 'line 1: an action that does not end'],
    ['{{ .Message | html }}', 'line 1: no action that the router knows: {{.Message | html}}'],
    ['{{ range .Header }}{{end}}', 'line 1: no action that the router knows: {{range .Header}}'],
    ['{{template "notexists"}}', 'line 1: no action that the router knows: {{template "notexists"}}'],
    ['{{ .Status .Status }}', 'line 1: no action that the router knows: {{.Status .Status}}'],
    ['{{ }}', 'line 1: no action that the router knows: {{}}'],
    ['{{if eq .Status}}{{end}}', 'line 1: no condition that the router knows: {{if eq .Status}}'],
    ['{{if ne .Status 1 2}}{{end}}', 'line 1: no condition that the router knows: {{if ne .Status 1 2}}'],
    ['{{if .Status 1}}{{end}}', 'line 1: no condition that the router knows: {{if .Status 1}}'],
    ['{{if .Status}}', 'line 1: an if that nothing ends: {{}}'],
    ['{{if .Status}}{{else}}{{else}}{{end}}', 'line 1: an else that nothing ends: {{if .Status}}'],
    ['a\n{{end}}', 'line 2: nothing is to be ended here: {{end}}'],
    ['{{else}}', 'line 1: nothing is to be ended here: {{else}}'],
  ] as const) {
    t.equal(render(template), `! ${problem}`, template);
  }
});
