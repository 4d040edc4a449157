#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "format/template/parse.h"

namespace perdure::format {

struct TemplateData;
using TemplateList = std::vector<TemplateData>;
using TemplateScope = std::map<std::string, TemplateData, std::less<>>;

/// What a name stands for: nothing, a truth, a text in somebody else's memory or of its own, a
/// list, or names of its own.
struct TemplateData {
    std::variant<std::monostate, bool, std::string_view, std::string, TemplateList, TemplateScope>
        value;

    TemplateData() = default;
    template <typename T>
    TemplateData(T of) : value(std::move(of)) {}
};

/// Renders nodes against scopes, the outermost first. Threads: one.
class TemplateRenderer {
public:
    /// What one call of render() may cost: hostile templates multiply lists by themselves.
    struct Limits {
        std::size_t bytes_max = 64 << 20;
        std::uint64_t steps_max = 4'000'000;
    };
    TemplateRenderer(Escape escape, Limits limits) : escape_(escape), limits_(limits) {}

    /// Appends. Fails: exhausted, past a limit.
    Result<void> render(std::string& out, TemplateNodes const& nodes,
                        std::vector<TemplateScope const*> const& scopes);

private:
    struct Frame {
        TemplateScope const* scope = nullptr;
        TemplateData const* item = nullptr;  ///< {{.}}
    };
    /// One step more. Fails: exhausted.
    Result<void> spend(std::string const& out, TemplateNode const& node);
    Result<void> nodes(std::string& out, TemplateNodes const& nodes);
    Result<void> section(std::string& out, TemplateNode const& node);
    Result<void> items(std::string& out, TemplateNode const& node, TemplateList const& list);
    TemplateData const* find(std::string_view name) const;
    void value(std::string& out, TemplateNode const& node) const;

    Escape escape_;
    Limits limits_;
    std::uint64_t steps_ = 0;
    std::size_t start_ = 0;
    std::vector<Frame> frames_;
};

}  // namespace perdure::format
