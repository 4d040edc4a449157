#pragma once

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include <cstdlib>
#include <memory>

namespace perdure::format {

struct CloseCmark {
    void operator()(cmark_parser* parser) const { cmark_parser_free(parser); }
    void operator()(cmark_node* node) const { cmark_node_free(node); }
    void operator()(char* text) const { std::free(text); }
};
using CmarkParser = std::unique_ptr<cmark_parser, CloseCmark>;
using CmarkNode = std::unique_ptr<cmark_node, CloseCmark>;
using CmarkText = std::unique_ptr<char, CloseCmark>;

}  // namespace perdure::format
