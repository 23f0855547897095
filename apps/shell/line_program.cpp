#include "apps/shell/line_program.hpp"

#include <utility>

#include "apps/commands/program.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {

line_program::line_program(const common_options& common, std::ostream& out, std::shared_ptr<operator_client> client)
    : common_(common), at_(common_, out, std::move(client)), app_("", "") {
  app_.require_subcommand(1);
  app_.fallthrough();
  app_.add_flag("--json", common_.json, "print JSON for programs");
  add_commands(app_, common_);
  add_operator_commands(app_, at_);
}

int line_program::run(const std::vector<std::string>& words) { return run_program(app_, words); }

}  // namespace holdfast::apps
