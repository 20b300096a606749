"""Pure folds over all events of an organisation: what evidence is read from (DESIGN §2)."""

from __future__ import annotations

from watchfloor.kernel.subject import Register
from watchfloor.registers import (
    activity,
    alerts,
    budgets,
    conduct,
    containment,
    delivery,
    dependencies,
    directory,
    enrolments,
    lineage,
    mail,
    overtaken,
    queue,
    requests,
    reviewing,
    schedules,
    supervision,
    targets,
    task_budgets,
    tribunals,
    workplaces,
)

# The order matters only where one register reads another's cells: conduct before the activity it compares with, the queue before deliveries, and deliveries before
# dependencies, whose cells say what there is to hand over.
REGISTERS: tuple[Register, ...] = (
    requests.REGISTER,
    conduct.REGISTER,
    activity.REGISTER,
    targets.REGISTER,
    budgets.REGISTER,
    containment.REGISTER,
    directory.REGISTER,
    enrolments.REGISTER,
    overtaken.REGISTER,
    queue.REGISTER,
    workplaces.REGISTER,
    lineage.REGISTER,
    supervision.REGISTER,
    task_budgets.REGISTER,
    delivery.REGISTER,
    mail.REGISTER,
    dependencies.REGISTER,
    schedules.REGISTER,
    alerts.REGISTER,
    reviewing.REGISTER,
    tribunals.REGISTER,
)
