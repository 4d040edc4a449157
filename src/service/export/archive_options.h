#pragma once

#include "service/export/export.h"

namespace perdure::service {

/// The options of an export, and for a portable archive what this installation adds: the key it
/// signs with (a minisign key without a passphrase, mode 0600, in the state folder, made when it is
/// first asked for), and what its container does.
Result<std::map<std::string, std::string>> with_archive_options(Workspace const& workspace,
                                                                ExportCall const& call);

}  // namespace perdure::service
