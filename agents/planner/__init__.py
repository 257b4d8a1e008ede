"""A question and what is available become a Plan: evidence.py weighs without a model, flow.py is the CrewAI Flow."""

from agents.planner.agent import Planner

__all__ = ["Planner"]
