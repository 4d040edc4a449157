// Exclude rules in gitignore syntax, from a user's file or from an application's own tree.
#include "fuzz/input.h"
#include "origin/files/exclude.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::origin;
    fuzz::Input input(data, size);
    bool const folder = input.byte() % 2 == 1;
    auto const root = std::string(input.text());
    auto const path = std::string(input.text());
    std::vector<std::string> patterns;
    for (auto rest = input.rest_as_text(); !rest.empty() && patterns.size() < 64;) {
        auto const cut = std::min(rest.find('\n'), rest.size());
        patterns.emplace_back(rest.substr(0, cut));
        rest.remove_prefix(std::min(cut + 1, rest.size()));
    }
    ExcludeRules const rules(patterns, root);
    bool const excluded = rules.excludes(path, folder);
    // The last rule decides: what takes everything back, takes it back.
    patterns.emplace_back("!**");
    bool const nameable = !path.empty() && !path.starts_with('/') && !path.ends_with('/') &&
                          path.find("//") == path.npos;
    if (nameable) PD_ASSERT(!ExcludeRules(patterns, root).excludes(path, folder));
    if (excluded) PD_ASSERT(!rules.empty());
    if (!nameable || path.find('\0') != path.npos) return 0;
    ExcludeRules const literal({literal_pattern(path, root)}, root);
    PD_ASSERT(literal.excludes(path, folder));
    PD_ASSERT(!literal.excludes(path + "x", folder) && !literal.excludes("x" + path, folder));
    return 0;
}
