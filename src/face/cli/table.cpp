#include "face/cli/table.h"

#include <algorithm>

namespace perdure::face {

void Table::print(Output& out) const {
    std::vector<std::size_t> widths;
    std::vector<bool> right;
    for (auto const& heading : headings_) {
        right.push_back(heading.starts_with('>'));
        widths.push_back(columns_of(heading) - (right.back() ? 1 : 0));
    }
    for (auto const& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], columns_of(row[i]));
        }
    }
    auto const print_row = [&](std::vector<std::string> const& cells, bool heading) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            std::string cell = cells[i];
            if (heading && right[i]) cell.erase(0, 1);
            std::string const gap(widths[i] - columns_of(cell), ' ');
            line += (i ? "  " : "") + (right[i] ? gap + cell : cell + gap);
        }
        while (line.ends_with(' ')) line.pop_back();
        out.line(heading ? out.out_style().dim(line) : line);
    };
    print_row(headings_, true);
    for (auto const& row : rows_) print_row(row, false);
}

}  // namespace perdure::face
