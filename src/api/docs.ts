/**
 * A page that shows an OpenAPI document to people: rendered here, complete in itself, without
 * script and without anything from elsewhere. Knows the document and nothing about the API it
 * describes.
 */
import { html, raw } from 'hono/html'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { DOCS_STYLE } from './docs-style.ts'

type Html = ReturnType<typeof html>

const METHODS = ['get', 'put', 'post', 'delete'] as const

/** The page. The document comes from {@link mountOpenApi} and is trusted to be well formed. */
export function renderDocs(document: JsonObject): string {
  const info = object(document.info)
  const schemas = object(object(document.components).schemas)
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)} API</title>
<style>${raw(DOCS_STYLE)}</style>
</head>
<body>
<header>
<h1>${text(info.title)} <small>${text(info.version)}</small></h1>
<p>${text(info.description)} <a href="/openapi.json">OpenAPI document</a></p>
</header>
<main>
<h2>Operations</h2>
${Object.entries(object(document.paths)).map(([path, item]) => renderPath(path, object(item)))}
<h2>Schemas</h2>
${Object.entries(schemas).map(([name, schema]) => renderNamedSchema(name, object(schema)))}
</main>
</body>
</html>`
  return String(page)
}

function renderPath(path: string, item: JsonObject): readonly Html[] {
  return METHODS.filter((method) => isJsonObject(item[method])).map((method) =>
    renderOperation(method, path, object(item[method])),
  )
}

function renderOperation(method: string, path: string, operation: JsonObject): Html {
  const parameters = list(operation.parameters).map(object)
  return html`<details class="operation">
<summary><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code>
<span>${text(operation.summary)}</span></summary>
<p>${prose(operation.description)}</p>
${parameters.length === 0 ? '' : renderParameters(parameters)}
${isJsonObject(operation.requestBody) ? renderBody(operation.requestBody) : ''}
<h4>Responses</h4>
<table>${Object.entries(object(operation.responses)).map(renderResponse)}</table>
</details>`
}

function renderParameters(parameters: readonly JsonObject[]): Html {
  return html`<h4>Parameters</h4>
<table>${parameters.map((parameter) => {
    const schema = object(parameter.schema)
    return html`<tr><td><code>${text(parameter.name)}</code></td><td>${text(parameter.in)}</td>
<td>${renderSchema(schema)}</td><td>${prose(parameter.description ?? schema.description)}</td></tr>`
  })}</table>`
}

function renderBody(body: JsonObject): Html {
  return html`<h4>Body</h4><p>${renderContent(object(body.content))}</p>`
}

function renderResponse([status, response]: readonly [string, JsonValue]): Html {
  const { description, content } = object(response)
  return html`<tr><td><b>${status}</b></td><td>${prose(description)}</td>
<td>${renderContent(object(content))}</td></tr>`
}

function renderContent(content: JsonObject): readonly Html[] {
  return Object.entries(content).map(
    ([type, media]) => html`<code>${type}</code> ${renderSchema(object(object(media).schema))} `,
  )
}

function renderNamedSchema(name: string, schema: JsonObject): Html {
  return html`<section id="${name}"><h3>${name}</h3>${renderSchema(schema)}</section>`
}

function renderSchema(schema: JsonObject): Html {
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').at(-1)!
    return html`<a href="#${name}">${name}</a>`
  }
  const choices = [schema.anyOf, schema.oneOf, schema.allOf].flatMap(list).map(object)
  if (choices.length > 0) {
    return html`${choices.map((choice, index) => html`${index > 0 ? ' or ' : ''}${renderSchema(choice)}`)}`
  }
  if (isJsonObject(schema.properties)) return renderProperties(schema, schema.properties)
  if (isJsonObject(schema.additionalProperties)) {
    return html`object of ${renderSchema(schema.additionalProperties)}`
  }
  if (isJsonObject(schema.items)) return html`array of ${renderSchema(schema.items)}`
  return renderValue(schema)
}

function renderProperties(schema: JsonObject, properties: JsonObject): Html {
  const required = list(schema.required)
  return html`<table>${Object.entries(properties).map(([name, property]) => {
    const { description } = object(property)
    const mark = required.includes(name) ? html`<sup title="required">*</sup>` : ''
    return html`<tr><td><code>${name}</code>${mark}</td>
<td>${renderSchema(object(property))}</td><td>${prose(description)}</td></tr>`
  })}</table>`
}

function renderValue(schema: JsonObject): Html {
  const values = schema.const === undefined ? list(schema.enum) : [schema.const]
  if (values.length > 0) {
    return html`${values.map((value) => html`<code class="value">${JSON.stringify(value)}</code> `)}`
  }
  const types = typeof schema.type === 'string' ? [schema.type] : list(schema.type)
  const fallback = schema.default === undefined ? '' : `, default ${JSON.stringify(schema.default)}`
  return html`${types.length === 0 ? 'any' : types.join(' or ')}${fallback}`
}

/** A text in which backticks mark code. */
function prose(value: JsonValue | undefined): readonly (string | Html)[] {
  return text(value)
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))
}

function object(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
