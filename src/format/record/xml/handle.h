#pragma once

#include <libxml/xmlreader.h>

#include <memory>

namespace perdure::format {

struct FreeXmlReader {
    void operator()(xmlTextReader* reader) const { xmlFreeTextReader(reader); }
};
using XmlReaderHandle = std::unique_ptr<xmlTextReader, FreeXmlReader>;

struct FreeXmlText {
    void operator()(xmlChar* text) const { xmlFree(text); }
};
using XmlText = std::unique_ptr<xmlChar, FreeXmlText>;

}  // namespace perdure::format
