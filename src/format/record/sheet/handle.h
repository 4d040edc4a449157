#pragma once

// The only header that includes libxlsxwriter.
#include <xlsxwriter.h>

#include <memory>

namespace perdure::format {

struct WorkbookFree {
    /// For a workbook that was not closed: closing would write the file.
    void operator()(lxw_workbook* workbook) const { lxw_workbook_free(workbook); }
};
using Workbook = std::unique_ptr<lxw_workbook, WorkbookFree>;

}  // namespace perdure::format
