#pragma once

#include <string>
#include <vector>

#include "face/cli/output.h"

namespace perdure::face {

/// Columns for people: as wide as their widest cell, right-aligned where asked.
class Table {
public:
    /// A heading that starts with '>' makes its column right-aligned.
    explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.empty(); }
    void print(Output& out) const;

private:
    std::vector<std::string> headings_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace perdure::face
