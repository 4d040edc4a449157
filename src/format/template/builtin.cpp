#include "format/template/template_writer.h"

namespace perdure::format {

namespace {

constexpr BuiltinTemplate builtin[] = {
    {"atom.xml", R"({{! perdure: escape=xml extension=xml description=An Atom feed of the records }}
<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>{{export.title}}</title>
  <id>urn:perdure:{{export.source}}</id>
  <updated>{{export.as_of}}</updated>
  <author><name>{{export.source}}</name></author>
{{#records}}
  <entry>
    <title>{{title}}</title>
    <id>urn:perdure:{{export.source}}:{{type}}:{{id}}</id>
{{#created}}
    <updated>{{created}}</updated>
{{/created}}
{{^created}}
    <updated>{{export.as_of}}</updated>
{{/created}}
{{#tags}}
    <category term="{{.}}"/>
{{/tags}}
    <content type="text">{{body}}</content>
  </entry>
{{/records}}
</feed>
)"},
    {"diary.txt", R"({{! perdure: escape=text extension=txt description=A plain text to read }}
{{export.title}}
as of {{export.as_of_date}}

{{#records}}
{{#created_date}}{{created_date}}  {{/created_date}}{{title}}
{{#tags}}#{{.}} {{/tags}}
{{body}}

{{/records}}
{{count}} records
)"},
    {"table.html", R"({{! perdure: escape=html extension=html description=One table a record type }}
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{export.title}}</title></head>
<body>
<h1>{{export.title}}</h1>
{{#types}}
<h2>{{name}}</h2>
<table border="1">
<tr>{{#columns}}<th>{{name}}</th>{{/columns}}</tr>
{{#records}}
<tr>{{#fields}}<td>{{value}}</td>{{/fields}}</tr>
{{/records}}
</table>
{{/types}}
<p>{{count}} records as of {{export.as_of}}</p>
</body>
</html>
)"},
};

}  // namespace

std::span<BuiltinTemplate const> builtin_templates() {
    return builtin;
}

}  // namespace perdure::format
