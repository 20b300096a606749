"""Situation: alerts, and what the report about now is made of (spec 06 *Situation report*)."""
