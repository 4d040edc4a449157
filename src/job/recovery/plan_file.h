#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "crypto/hash.h"
#include "data/conflict.h"
#include "data/json.h"
#include "system/file.h"

namespace perdure::job {

/// A plan on disk: JSON that a person can read and any program can parse.
///
///   {
///   "perdure_plan": 1,
///   "overrides": {"app:memory/17": "skip"},        ← the only part that may be edited
///   "content": {"header": {…},
///   "items": [
///   {…one line a record or file…},
///   …
///   ],
///   "summary": {…}
///   },
///   "digest": "sha256:…"
///   }
///
/// The digest covers the bytes from `"content"` up to the comma before `"digest"`. Items are
/// written and read one at a time: a plan of a million lines takes no memory.
class PlanWriter {
public:
    /// Writes beside `path` and renames in finish(); mode 0600, for it shows people's data.
    static Result<std::unique_ptr<PlanWriter>> create(system::Path const& path,
                                                      data::Json const& header);
    ~PlanWriter();
    Result<void> item(data::Json const& item) { return item_line(item.canonical()); }
    /// The same, spelled already.
    Result<void> item_line(std::string_view line);
    /// Puts the plan under its name. Fails: conflict (the name exists and is no plan of ours).
    Result<void> finish(data::Json const& summary);
    std::string const& digest() const { return digest_; }

private:
    PlanWriter(system::Path path, system::Path temporary, system::File file);
    Result<void> put(std::string_view text, bool hashed = true);
    Result<void> flush();
    system::Path path_, temporary_;
    system::File file_;
    crypto::Sha256 hash_;
    std::string buffer_, digest_;
    bool first_ = true;
};

struct Plan {
    data::Json header, summary;
    std::map<std::string, data::Decision> overrides;
    std::string digest;
};

/// Reads a plan and proves its digest; `each` sees every item, in order, as it is spelled there:
/// reading a million of them must not cost more than is done with them.
/// Fails: invalid (no plan; an override that is no decision); corrupt (PD-0015: changed outside
/// "overrides"); unsupported (a newer version).
Result<Plan> read_plan(system::Path const& path,
                       std::function<Result<void>(std::string_view item)> const& each = {});

}  // namespace perdure::job
