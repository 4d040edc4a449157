#include "format/document/epub/book_text.h"

#include <fmt/format.h>

#include "format/document/page_text.h"

namespace perdure::format {

std::string book_head(std::string_view title, std::string_view style, std::string_view type) {
    return fmt::format(
        R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" )"
        R"(lang="en" xml:lang="en">
<head>
<meta charset="UTF-8"/>
<title>{}</title>
<link rel="stylesheet" type="text/css" href="{}"/>
</head>
<body{}>
)",
        escaped(title), style, type.empty() ? "" : fmt::format(" epub:type=\"{}\"", type));
}

std::string book_page(std::string_view title, std::string_view style, std::string_view type,
                      std::string_view body) {
    std::string out = book_head(title, style, type);
    out += body;
    return out + "</body>\n</html>\n";
}

}  // namespace perdure::format
